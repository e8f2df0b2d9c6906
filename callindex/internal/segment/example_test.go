package segment_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/quivercache/quiver/callindex/internal/segment"
)

func Example() {
	rows := []*segment.Row{
		{Name: "train", Key: nth("key", 1), Arguments: []segment.Argument{{Name: "rate", Digest: nth("rate", 1)}}},
		{Name: "train", Key: nth("key", 2), Arguments: []segment.Argument{{Name: "rate", Digest: nth("rate", 2)}}},
	}
	var tableBytes, filterBytes bytes.Buffer
	summary, err := segment.Write(&tableBytes, &filterBytes, len(rows), sequence(ordered(rows)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(summary.Rows, "rows of", summary.Names)

	head, err := segment.ParseHead(filterBytes.Bytes()[:summary.Head])
	if err != nil {
		log.Fatal(err)
	}
	table := segment.OpenTable(head, bytes.NewReader(tableBytes.Bytes()))
	wanted := &segment.Predicate{Name: "train", Arguments: []segment.Argument{{Name: "rate", Digest: nth("rate", 2)}}}
	for _, group := range table.Prune(wanted) {
		at := head.Block(group)
		block, err := segment.ParseBlock(filterBytes.Bytes()[at.Offset:at.End()])
		if err != nil {
			log.Fatal(err)
		}
		if !block.MayHaveAll(wanted.Numbers()) {
			continue
		}
		err = table.Scan(group, wanted, nil, func(_ int64, r *segment.Row) bool {
			fmt.Println("found:", r.Key == nth("key", 2))
			return true
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 2 rows of [train]
	// found: true
}
