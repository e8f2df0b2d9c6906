package execution

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// outs are the paths that a command line may write to, by their names on it.
type outs struct {
	names []string          // as written, sorted, each once
	paths map[string]string // absolute, by name
}

// newOuts refuses outs that cannot be replaced one by one: one inside another, or one that has the working directory inside.
func newOuts(names []string, directory string) (*outs, error) {
	o := &outs{paths: map[string]string{}}
	here := resolve(directory)
	for _, name := range names {
		if name == "" {
			return nil, fmt.Errorf("--out needs a path")
		}
		absolute := resolve(name)
		if inside(here, absolute) {
			return nil, fmt.Errorf("--out %s has the working directory inside and cannot be replaced; name what the command writes", name)
		}
		if _, twice := o.paths[name]; twice {
			continue
		}
		for other, path := range o.paths {
			if inside(absolute, path) || inside(path, absolute) {
				return nil, fmt.Errorf("--out %s and --out %s: one is inside the other; name the outer one", other, name)
			}
		}
		o.paths[name] = absolute
		o.names = append(o.names, name)
	}
	slices.Sort(o.names)
	return o, nil
}

// cover says whether an absolute path is or lies under an out.
func (o *outs) cover(absolute string) bool {
	for _, path := range o.paths {
		if inside(absolute, path) {
			return true
		}
	}
	return false
}

// inside says whether a path is another one or lies under it; both are absolute and clean.
func inside(path, directory string) bool {
	if path == directory {
		return true
	}
	separator := string(filepath.Separator)
	return strings.HasPrefix(path, strings.TrimSuffix(directory, separator)+separator)
}

// resolve returns the absolute path of a name whose directory may be reached through links and need not be there. The last part is not followed.
func resolve(name string) string {
	absolute, err := filepath.Abs(name)
	if err != nil { // there is no working directory: nothing can be told apart
		return filepath.Clean(name)
	}
	directory := filepath.Dir(absolute)
	if directory == absolute {
		return absolute
	}
	if _, err := os.Stat(directory); err != nil {
		return filepath.Join(resolve(directory), filepath.Base(absolute))
	}
	real, err := filepath.EvalSymlinks(directory)
	if err != nil {
		real = directory
	}
	return filepath.Join(real, filepath.Base(absolute))
}
