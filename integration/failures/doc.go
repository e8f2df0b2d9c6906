// Package failures holds Quiver to what it promises when something between it and a server, or the server itself, fails: a bad network, a crash in the middle of
// saves, a server that falls silent, bodies that are cut, a store that ignores conditions. Every call ends with the right answer or a clear error, in time, and nothing that was
// acknowledged is lost. It also counts the requests of every operation over HTTP, on each server.
//
// All of it are tests. With -tags soak they take the times that a program meets with default settings: minutes.
package failures
