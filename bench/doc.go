// Command bench holds Quiver against floors and peers. It prints ratios, ours to theirs, measured in interleaved pairs of one run: a bare time says
// nothing on a machine that is shared.
//
//	go run ./bench clouds           the adapters against the SDK of each cloud, on the same servers
//	go run ./bench clouds --json    one object a line
//	go run ./bench index            the call index, on a store of a million calls, against single requests, DuckDB, a scan, and an index of one object
//	go run ./bench index --n 65536 --keep DIR    a smaller store, which stays in a directory for the next run
//	go run ./bench index --n 10000000 --only 'record|streamed|name'    what can be said of a large one with a GiB of memory and two of disk
//	go run ./bench gc               what looks for garbage against listing the values and reading the segments
//	go run ./bench once             64 processes that want one result of a slow function, with and without a death
//
// A case has a goal: the ratio that it may have at the most. It is met where the 95 % interval of the median of the pairs' ratios is below the goal, missed
// where it is above, and noise where the goal lies inside it, though pairs were added for a while. A case without a goal is reported.
package main
