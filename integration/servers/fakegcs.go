package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// fakeGCS is fake-gcs-server with its data in memory: with files a reader could see half of a write, and the suite would be about that.
type fakeGCS struct{}

func (fakeGCS) String() string { return "fake-gcs-server" }

func (fakeGCS) program() (program, error) { return goProgram("FAKEGCS", "fake-gcs-server") }

// A public host without a port admits every port: a proxy's too, and that of the host which a container's is published at.
func (fakeGCS) arguments(at place) []string {
	return []string{"-backend", "memory", "-data", at.dir, "-scheme", "http", "-host", at.host, "-port", at.port, "-public-host", "127.0.0.1",
		"-external-url", "http://127.0.0.1:" + at.port, "-log-level", "error"}
}

func (fakeGCS) environment() map[string]string { return nil }

func (fakeGCS) create(ctx context.Context, address, bucket string) error {
	_, err := gcsRequest(ctx, http.MethodPost, address, "/storage/v1/b?project=quiver", fmt.Sprintf(`{"name": %q}`, bucket))
	if failure, ok := errors.AsType[*gcsError](err); ok && failure.status == http.StatusConflict {
		return nil
	}
	return err
}

func (fakeGCS) put(ctx context.Context, address, bucket, key, content string) error {
	_, err := gcsRequest(ctx, http.MethodPost, address, fmt.Sprintf("/upload/storage/v1/b/%s/o?uploadType=media&name=%s", bucket, url.QueryEscape(key)), content)
	return err
}

func (fakeGCS) get(ctx context.Context, address, bucket, key string) (string, error) {
	return gcsRequest(ctx, http.MethodGet, address, fmt.Sprintf("/storage/v1/b/%s/o/%s?alt=media", bucket, url.PathEscape(key)), "")
}

type gcsError struct {
	status int
	text   string
}

func (e *gcsError) Error() string { return e.text }

func gcsRequest(ctx context.Context, method, address, path, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := unpooled.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = &gcsError{response.StatusCode, fmt.Sprintf("%s %s: %s: %s", method, path, response.Status, answer)}
	}
	return string(answer), err
}

func (fakeGCS) url(_, bucket string) string { return "gs://" + bucket }

func (fakeGCS) client(address string) []string {
	return []string{"STORAGE_EMULATOR_HOST=" + address, "GCE_METADATA_HOST=127.0.0.1:1", "GOOGLE_APPLICATION_CREDENTIALS="}
}
