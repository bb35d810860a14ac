"""Models of this package as the embedding functions of search libraries, a module for each."""
