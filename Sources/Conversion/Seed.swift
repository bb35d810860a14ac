// Seed of the module; its first real file replaces this one.
