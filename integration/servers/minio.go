package servers

import "net"

type minio struct{ speaksS3 }

func (minio) String() string { return "minio" }

func (minio) program() (program, error) { return goProgram("MINIO", "minio") }

func (minio) arguments(at place) []string {
	return []string{"server", "--quiet", "--address", net.JoinHostPort(at.host, at.port), at.dir}
}

func (minio) environment() map[string]string {
	return map[string]string{"MINIO_ROOT_USER": drawn().account, "MINIO_ROOT_PASSWORD": drawn().secret, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"}
}
