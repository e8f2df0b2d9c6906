package layout_test

import (
	"fmt"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

func ExampleKeyspace() {
	d := digest.OfBytes([]byte("hello"))
	name := layout.ValueSpace.Name(d)
	parsed, ok := layout.ValueSpace.Parse(name)
	fmt.Println(name[:9], parsed == d, ok)
	_, ok = layout.ValueSpace.Parse("values/notes.txt")
	fmt.Println(ok)
	// Output:
	// values/61 true true
	// false
}
