/* Preloaded into a server, it makes fdatasync do nothing: measures the server without the disk. */
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
