#include "primes.h"
#include "table.h"

int primes(void) { return sizeof table / sizeof *table; }

int prime(int index) { return table[index]; }
