// Package check holds the Terraform modules to what they promise: that they are formatted and valid, that their own tests pass, that each of their rules
// is held by one of these tests, and that their READMEs list the variables and outputs that there are.
//
//	go test .                                  with the registry's providers
//	QUIVER_TF_PROVIDERS=DIRECTORY go test .    with those of a directory, laid out as a provider mirror
//	go test . -run README -update              write the tables of the READMEs
//
// Nothing is deployed: the modules' tests have mocked providers, and no test needs an account.
package check
