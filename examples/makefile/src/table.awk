# Prints a table in C of the primes below LIMIT.
BEGIN {
	print "static const int table[] = {"
	for (n = 2; n < LIMIT; n++) {
		if (n in composite) continue
		for (m = n * n; m < LIMIT; m += n) composite[m]
		print "\t" n ","
	}
	print "};"
}
