// Package adapters joins the buckets of the clouds to package bucket: [Bridge] has gocloud.dev/blob on one side and bucket.Bucket on the other, and what
// differs between clouds is a [Provider] in a package of its own (adapters/s3, gcs, azure). Package adapters/all opens any of them by its URL; a
// directory is no cloud, and adapters/file goes without the Bridge.
//
// # What goes which way
//
// gocloud opens buckets by their URLs, describes objects, deletes them, and uploads large ones in parts. An object to read, a body that fits into one
// request (8 MiB), a page of a listing or of folders, a delete with a precondition, one without a look before and one of many objects go to the cloud's SDK
// itself: gocloud's way takes a third more CPU for a small object, or a request more, or hides the version that was read.
//
// # What the Bridge sees to
//
//   - A request is sent once: the SDKs' repetitions are off but for the parts of an upload. bucket.Decorate repeats requests, within a budget.
//   - A condition is on the request that decides: for an upload in parts on the one that puts them together.
//   - A body that is cut, or stalls, goes on at the byte where it was, in the version it was of.
//   - A failure is a *bucket.Error of the right kind: a precondition that does not hold is ErrExists or ErrChanged by what was asked; a service's 403 is
//     ErrRefused and never a miss; its 409 "try again" is ErrUnavailable. It names the service's code and the request's id, and says what to do: where the
//     role lacks a right, which one this request needs.
//   - Connections are kept for 64 requests at once, and nothing waits for ever ([Client]).
//   - The store's time comes from the answer's Date header, where the client lets it be seen ([Watched]).
package adapters
