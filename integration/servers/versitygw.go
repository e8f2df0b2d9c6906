package servers

import "net"

// versitygw is a second S3, over a directory.
type versitygw struct{ speaksS3 }

func (versitygw) String() string { return "versitygw" }

func (versitygw) program() (program, error) { return goProgram("VERSITYGW", "versitygw") }

func (versitygw) arguments(at place) []string {
	return []string{"--port", net.JoinHostPort(at.host, at.port), "--region", region, "--keep-alive", "--quiet", "posix", at.dir}
}

func (versitygw) environment() map[string]string {
	return map[string]string{"ROOT_ACCESS_KEY": drawn().account, "ROOT_SECRET_KEY": drawn().secret}
}
