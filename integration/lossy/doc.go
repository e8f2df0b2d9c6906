// Package lossy is a proxy that does scripted harm to the answers of a server, between it and a client that does not know.
//
//	proxy := lossy.Start(server.Address, lossy.Fault{Method: "PUT", Path: "*/records/*", Do: lossy.Drop()})
//	defer proxy.Close()
//	b, err := all.Open(ctx, server.URLAt(proxy.Address, bucket.Name))
//	…
//	proxy.Done(t) // every fault has struck
//
// The client is given the proxy's address as its endpoint and signs its requests for it; the Host header goes on unchanged, so that the signature
// stays valid. Nothing else of a request or an answer is changed either.
//
// All faults are in the answer: the server has done what was asked, whatever comes of it, and the client learns late, half, or nothing of it.
package lossy
