int primes(void);     /* how many primes are known */
int prime(int index); /* the one at an index from 0 */
