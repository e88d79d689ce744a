/* Preloaded into a server, it makes durability free: what is left is the price of the program. */
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
