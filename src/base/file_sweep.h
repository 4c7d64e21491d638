/**
 * file_sweep.h - removing what killed processes left next to their targets.
 */
#ifndef BASE_FILE_SWEEP_H
#define BASE_FILE_SWEEP_H

/** Remove hidden temporary files of any target in the directory that nobody is writing any more. */
void file_sweep(int descriptor);
/** Remove a file of that name unless somebody is still writing it. */
void file_sweep_one(int directory, const char *name);

#endif
