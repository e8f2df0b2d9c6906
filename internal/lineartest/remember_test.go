package lineartest_test

import (
	"bytes"
	"io"

	"github.com/quivercache/quiver/bucket"
)

// remembered is an object that was read whole.
type remembered struct {
	bucket.Info
	content []byte
}

func remember(answer bucket.Answer) remembered {
	defer answer.Object.Body.Close()
	content, err := io.ReadAll(answer.Object.Body)
	if err != nil {
		panic(err)
	}
	return remembered{answer.Object.Info, content}
}

func (r remembered) again() bucket.Answer {
	return bucket.Answer{Object: &bucket.Object{Info: r.Info, Body: io.NopCloser(bytes.NewReader(r.content))}}
}
