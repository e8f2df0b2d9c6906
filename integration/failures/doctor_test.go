package failures_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/quivercache/quiver/integration/servers"
)

func TestTheDoctorFindsEveryServerFit(t *testing.T) {
	built.Path(t)
	everywhere(t, func(t *testing.T, at place) {
		d := diagnose(t, at)
		if d.exit != 0 || !d.Fit || len(d.Broken) > 0 || d.Left > 0 {
			t.Errorf("%+v", d)
		}
		t.Logf("%d requests in %.1f s; missing %q, unknown %q", d.Requests, d.Seconds, d.Missing, d.Unknown)
	})
}

func TestTheDoctorFindsThatADeleteIsNotConditionalWhereTheURLSaysSo(t *testing.T) {
	at := shared(t, servers.MinIO)
	at.parameters = "&conditional_delete=true"
	d := diagnose(t, at, "--no-large")
	if d.exit != 1 || d.Fit || !slices.Equal(d.Broken, []string{"conditional-delete"}) || !strings.Contains(d.talk, "conditional-delete") {
		t.Errorf("%+v", d)
	}
}

func TestTheDoctorFindsThatAServerIgnoresConditions(t *testing.T) {
	at := shared(t, servers.MinIO)
	d := diagnose(t, at.through(lax(t, at)))
	broken := []string{"create-race", "stale-match", "missing-match", "swap-race", "large-condition"}
	for _, check := range broken {
		if !slices.Contains(d.Broken, check) || !strings.Contains(d.talk, check) {
			t.Errorf("it does not find that %s does not hold", check)
		}
	}
	if d.exit != 1 || d.Fit {
		t.Errorf("%+v", d)
	}
}

// diagnosis is the last line of quiver doctor --json.
type diagnosis struct {
	Fit      bool
	Broken   []string
	Missing  []string
	Unknown  []string
	Left     int
	Requests int
	Seconds  float64

	exit int
	talk string
}

// diagnose runs the doctor, whose every line is an object.
func diagnose(t *testing.T, at place, flags ...string) diagnosis {
	t.Helper()
	r := quiverAt(t.Context(), t, at, append([]string{"doctor", "--json", at.url()}, flags...)...)
	var summary struct{ Summary *diagnosis }
	for line := range strings.Lines(r.out) {
		finding := struct {
			Check, Detail string
			Holds         *bool
			Needed        bool
		}{}
		if err := json.Unmarshal([]byte(line), &finding); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if err := json.Unmarshal([]byte(line), &summary); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if (finding.Check == "" || finding.Detail == "") && summary.Summary == nil {
			t.Errorf("%q is neither a finding nor the summary", line)
		}
	}
	if summary.Summary == nil {
		t.Fatalf("there is no summary: %+v", r)
	}
	d := *summary.Summary
	d.exit, d.talk = r.exit, r.err
	return d
}

// lax stands before an S3 server and takes the conditions off all writes. What is left it signs anew. It returns its address.
func lax(t *testing.T, at place) string {
	t.Helper()
	environment := map[string]string{}
	for _, variable := range at.server.Env() {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	credentials := aws.Credentials{AccessKeyID: environment["AWS_ACCESS_KEY_ID"], SecretAccessKey: environment["AWS_SECRET_ACCESS_KEY"]}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	transport := &http.Transport{DisableCompression: true}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: at.server.Address})
			for _, name := range []string{"If-Match", "If-None-Match", "Authorization"} {
				r.Out.Header.Del(name)
			}
			err := signer.SignHTTP(r.Out.Context(), credentials, r.Out, r.Out.Header.Get("X-Amz-Content-Sha256"), "s3", environment["AWS_REGION"], time.Now())
			if err != nil {
				t.Error(err)
			}
		},
	})
	t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
	})
	return proxy.Listener.Addr().String()
}
