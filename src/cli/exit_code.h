/**
 * exit_code.h - what the exit status of gen says.
 */
#ifndef CLI_EXIT_CODE_H
#define CLI_EXIT_CODE_H

enum exit_code {
    EXIT_DONE = 0,     /**< everything was done */
    EXIT_FAILED = 1,   /**< something failed: a model, a file, some prompt of a batch */
    EXIT_USAGE = 2,    /**< the command line is wrong */
    EXIT_SIGNAL = 128, /**< plus the signal's number: 130 after Ctrl-C */
};

#endif
