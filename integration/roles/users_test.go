package roles_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

// user is somebody whom a server knows.
type user struct {
	server *servers.Server
	aws.Credentials
}

// rootOf is the user who may do everything.
func rootOf(s *servers.Server) user {
	environment := map[string]string{}
	for _, variable := range s.Env() {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	return user{s, aws.Credentials{AccessKeyID: environment["AWS_ACCESS_KEY_ID"], SecretAccessKey: environment["AWS_SECRET_ACCESS_KEY"]}}
}

// admit makes a user for each policy. All are brought to the server together, as the archive from which MinIO restores its users: its other requests for that are
// encrypted, and take its client with two dozen modules.
func admit[K comparable](t testing.TB, s *servers.Server, policies map[K]string) map[K]user {
	t.Helper()
	users := map[K]user{}
	documents, accounts, mappings := map[string]json.RawMessage{}, map[string]any{}, map[string]any{}
	for who, policy := range policies {
		name, secret := "user-"+draw(t)[:16], draw(t)
		users[who] = user{s, aws.Credentials{AccessKeyID: name, SecretAccessKey: secret}}
		documents[name] = json.RawMessage(policy)
		accounts[name] = map[string]any{"secretKey": secret, "status": "enabled"}
		mappings[name] = map[string]any{"version": 1, "policy": name}
	}
	var archive bytes.Buffer
	files := zip.NewWriter(&archive)
	for name, content := range map[string]any{"policies": documents, "users": accounts, "user_mappings": mappings} {
		file, err := files.Create("iam-assets/" + name + ".json")
		must(t, err)
		must(t, json.NewEncoder(file).Encode(content))
	}
	must(t, files.Close())
	restore(t, s, archive.Bytes())
	return users
}

// restore gives an archive of users to the server.
func restore(t testing.TB, s *servers.Server, archive []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.Address+"/minio/admin/v3/import-iam-v2", bytes.NewReader(archive))
	must(t, err)
	hash := sha256.Sum256(archive)
	payload := hex.EncodeToString(hash[:])
	request.Header.Set("X-Amz-Content-Sha256", payload)
	must(t, v4.NewSigner().SignHTTP(t.Context(), rootOf(s).Credentials, request, payload, "s3", region, time.Now()))
	answer, err := (&http.Client{Transport: connections}).Do(request)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	var result struct{ Failed map[string]any }
	if err := json.Unmarshal(text, &result); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the server takes no users: %s: %s (%v)", answer.Status, text, err)
	}
	for kind, failed := range result.Failed {
		if failed != nil {
			t.Fatalf("the server does not take all %s: %s", kind, text)
		}
	}
}

const region = "us-east-1"

// client is the user's own, over a transport.
func (u user) client(over http.RoundTripper) *awss3.Client {
	return awss3.New(awss3.Options{
		BaseEndpoint: aws.String("http://" + u.server.Address), Region: region, UsePathStyle: true, HTTPClient: &http.Client{Transport: over},
		Credentials: awscredentials.NewStaticCredentialsProvider(u.AccessKeyID, u.SecretAccessKey, ""),
	})
}

// open opens a bucket, or what is under a prefix of it, as programs do. Deletes have their conditions, as on AWS, for which the policies are: MinIO asks for the same
// right and ignores the condition.
func (u user) open(t testing.TB, name, prefix string) bucket.Bucket {
	t.Helper()
	return u.openWith(t, name, prefix, &s3.Options{CustomEndpoint: true, ConditionalDelete: true})
}

func (u user) openWith(t testing.TB, name, prefix string, options *s3.Options) bucket.Bucket {
	t.Helper()
	b, err := s3.New(context.WithoutCancel(t.Context()), u.client(secretive{u}), name, options)
	must(t, err)
	if prefix != "" {
		prefix += "/"
	}
	b, err = bucket.Decorate(b, bucket.Decorators{Prefix: prefix})
	must(t, err)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// env is the environment of a process of the user's.
func (u user) env() []string {
	return slices.Concat(u.server.Env(), []string{"AWS_ACCESS_KEY_ID=" + u.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + u.SecretAccessKey})
}

func draw(t testing.TB) string {
	t.Helper()
	id, err := op.NewID(op.SystemEntropy())
	must(t, err)
	return id
}

// domain is a bucket, or some prefixes of one, with the users of its roles.
type domain struct {
	server *servers.Server
	bucket string
	users  map[role]user
}

// found makes a bucket of the shared server, which is nobody's but root's.
func found(t testing.TB) *domain {
	t.Helper()
	s, err := pool.Server(t.Context(), servers.MinIO)
	must(t, err)
	made, err := s.NewBucket(t.Context())
	must(t, err)
	return &domain{s, made.Name, map[role]user{root: rootOf(s)}}
}

// of makes the users of a domain that has some prefixes of the same bucket.
func (d *domain) of(t testing.TB, prefixes ...string) *domain {
	t.Helper()
	users := admit(t, d.server, render(t, d.bucket, prefixes...))
	users[root] = rootOf(d.server)
	return &domain{d.server, d.bucket, users}
}

// url names the store under a prefix.
func (d *domain) url(prefix string) string {
	return d.server.URL(strings.TrimSuffix(d.bucket+"/"+prefix, "/"))
}
