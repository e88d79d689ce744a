/* Preloaded into a server, it makes syncs do nothing, and the hint (POSIX_FADV_DONTNEED) that has the
 * disk begin earlier: measures the server without the disk. */
#include <sys/types.h>

int fdatasync(int file)
{
    (void)file;
    return 0;
}

int fsync(int file)
{
    (void)file;
    return 0;
}

int posix_fadvise(int file, off_t start, off_t size, int advice)
{
    (void)file, (void)start, (void)size, (void)advice;
    return 0;
}

int posix_fadvise64(int file, off_t start, off_t size, int advice)
{
    return posix_fadvise(file, start, size, advice);
}
