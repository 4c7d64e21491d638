/**
 * signals.h - Ctrl-C, or a terminal that goes away, during a long job.
 *
 * Until signals_catch() is called signals end the program at once, as usual. From then on the first
 * one asks the job to stop, so that what it made so far is written; a second one ends the program.
 * A file that became shorter while it was mapped ends it with one line and status 1, always.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/**
 * At the start of main: have stdin, stdout and stderr, let a closed pipe end us quietly, and SIGBUS
 * with a line. Whatever ends us so, or by a signal that people, terminals and limits of time send,
 * removes the temporary files.
 */
void signals_init(void);

/** From now on SIGINT and SIGTERM ask to stop, and SIGHUP, unless it is ignored (nohup). */
void signals_catch(void);

/**
 * After signals_catch(): Ctrl-C asks to stop as often as it comes, and ends the program never, as
 * what stops is an answer; signals_forget_interrupt() says that it has stopped. True if it was
 * asked.
 */
void signals_keep_interrupt(void);
bool signals_forget_interrupt(void);

/** From now on the same signals end the program at once, as by themselves, but remove the temporary
 *  files: for work that has no place at which to stop. */
void signals_remove_files(void);

/** From now on SIGUSR1 has a checkpoint written, and ends nothing. */
void signals_catch_checkpoint(void);
/** Whether one was asked for since this was last called. */
bool signals_checkpoint_asked(void);

/** From now on writing to a closed pipe fails and ends nothing: for jobs of hours. */
void signals_ignore_pipe(void);

/** The signal that asked to stop, or 0. */
int signals_caught(void);

/** A file descriptor that gets readable when a signal was caught, to be polled; -1: none. */
int signals_fd(void);

#endif
