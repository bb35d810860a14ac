// The command `clip-pack`: a function of the library that lies beside it.
int clippack_main(int count, char **arguments);

int main(int count, char **arguments) { return clippack_main(count, arguments); }
