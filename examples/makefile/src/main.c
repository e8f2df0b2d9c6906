#include <stdio.h>
#include <stdlib.h>

#include "primes.h"

int main(int argc, char **argv) {
	int n = argc == 2 ? atoi(argv[1]) : 0;
	if (n < 1 || n > primes()) {
		fprintf(stderr, "usage: nth N, from 1 to %d\n", primes());
		return 2;
	}
	printf("%d\n", prime(n - 1));
	return 0;
}
