/**
 * path_variable.h - environment variables that hold paths.
 */
#ifndef CLI_PATH_VARIABLE_H
#define CLI_PATH_VARIABLE_H

/**
 * The path in an environment variable, to be freed; NULL where it is not set or empty. As Python's
 * os.path.expandvars(os.path.expanduser()) has it: a leading `~` or `~user` is that home directory,
 * $NAME and ${NAME} are variables; what is not set or not known stays as it is.
 */
char *path_variable(const char *variable);

/** The same for a list divided by colons, where each part may begin with `~`. */
char *path_list_variable(const char *variable);

#endif
