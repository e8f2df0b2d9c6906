package s3

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/quivercache/quiver/adapters"
)

// DeleteAll implements bucket.BulkDeleter for the Bridge.
func (p *provider) DeleteAll(ctx context.Context, keys []string) error {
	in := &s3.DeleteObjectsInput{Bucket: &p.name, Delete: &types.Delete{Quiet: aws.Bool(true), Objects: make([]types.ObjectIdentifier, len(keys))}}
	for i := range keys {
		in.Delete.Objects[i].Key = &keys[i]
	}
	var sensible bool
	out, err := p.client.DeleteObjects(ctx, in, func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, lookAtAnswer(&sensible))
		if p.o.CustomEndpoint {
			o.APIOptions = append(o.APIOptions, sumByMD5)
		}
	})
	if err != nil {
		return err
	}
	if !sensible {
		return errNotS3
	}
	failed := slices.DeleteFunc(out.Errors, func(e types.Error) bool { return aws.ToString(e.Code) == "NoSuchKey" })
	if len(failed) > 0 {
		return &undeleted{failed[0], len(failed) - 1}
	}
	return nil
}

// sumByMD5 puts the checksum that the protocol has always had on a request in the place of AWS's.
func sumByMD5(stack *middleware.Stack) error {
	if _, err := stack.Initialize.Remove("AWSChecksum:SetupInputContext"); err != nil {
		return err
	}
	return smithyhttp.AddContentChecksumMiddleware(stack)
}

// lookAtAnswer notes whether a success is S3's: that nothing has failed is told by an empty list, and the SDK takes any answer for one.
func lookAtAnswer(sensible *bool) func(*middleware.Stack) error {
	look := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
			body := bufio.NewReader(response.Body)
			begin, _ := body.Peek(512) // what went wrong is told to who reads on
			*sensible = bytes.Contains(begin, []byte("DeleteResult"))
			response.Body = struct {
				io.Reader
				io.Closer
			}{body, response.Body}
		}
		return out, metadata, err
	}
	return func(stack *middleware.Stack) error {
		return stack.Deserialize.Insert(middleware.DeserializeMiddlewareFunc("QuiverLookAtAnswer", look), "OperationDeserializer", middleware.After)
	}
}

// undeleted is the failure of some of the keys of a DeleteAll.
type undeleted struct {
	first  types.Error
	others int
}

func (u *undeleted) Error() string { return "not deleted: " + aws.ToString(u.first.Key) }

func (u *undeleted) message() string {
	text := strings.TrimSuffix(aws.ToString(u.first.Message), ".")
	if u.others > 0 {
		text += fmt.Sprintf(" (and %d other keys failed)", u.others)
	}
	return text
}

// refusal has the status of the whole answer, by which a code without a meaning of its own is of a store that did not answer well.
func (u *undeleted) refusal() adapters.Refusal {
	code := aws.ToString(u.first.Code)
	known := meanings[code]
	return adapters.Refusal{Status: http.StatusOK, Code: code, Message: u.message(), Key: aws.ToString(u.first.Key), Kind: known.kind, Hint: known.hint, Denied: lacksRight(code)}
}
