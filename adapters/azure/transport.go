package azure

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Transport is base, but has let go of a request's body when it returns. Azure's SDK takes the memory of an upload's part away from the program then, while Go's transport may still be reading
// the body of a request that was canceled or refused early, and would end the program.
func Transport(base policy.Transporter) policy.Transporter { return transport{base} }

type transport struct{ base policy.Transporter }

func (t transport) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return t.base.Do(r)
	}
	var l loan
	lending := *r
	lending.Body = lent{r.Body, &l}
	if r.GetBody != nil {
		lending.GetBody = func() (io.ReadCloser, error) {
			body, err := r.GetBody()
			return lent{body, &l}, err
		}
	}
	answer, err := t.base.Do(&lending)
	l.end()
	if answer != nil {
		answer.Request = r
	}
	return answer, err
}

// loan is how long a transport may read the body of a request.
type loan struct {
	mu   sync.Mutex
	over bool
}

func (l *loan) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

var errOver = errors.New("the request is over")

// lent is a body, which is in memory: a Read does not wait, and so whoever ends the loan does not.
type lent struct {
	io.ReadCloser
	loan *loan
}

func (b lent) Read(p []byte) (int, error) {
	b.loan.mu.Lock()
	defer b.loan.mu.Unlock()
	if b.loan.over {
		return 0, errOver
	}
	return b.ReadCloser.Read(p)
}
