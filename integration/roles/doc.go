// Package roles tries the rights of the three roles on a real server. The policy documents are those of terraform/modules/aws/policies, rendered by Terraform and
// given to users of MinIO: a reader, a writer and a janitor each do what they should and nothing else. What they may not do is refused, the error names the right
// that is missing, and what is remembered stays as it was. It also takes rights away, and adds some, to show that the trial notices.
//
// All of it are tests. They need the program terraform on the PATH, and no provider of it.
package roles
