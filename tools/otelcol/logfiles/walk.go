package logfiles

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"

	"github.com/bmatcuk/doublestar/v4"
)

// walk is how a glob sees folders. Those that lead back to where one came from
// are empty, so that links in a circle end; what cannot be entered is told.
type walk struct {
	root   string
	known  map[string]inode
	failed func(path string, err error)
}

// glob lists what a pattern matches. A folder that cannot be read has nothing,
// and is told unless there is none.
func glob(pattern string, failed func(path string, err error)) []string {
	base, rest := doublestar.SplitPattern(filepath.Clean(pattern))
	found, err := doublestar.Glob(&walk{base, map[string]inode{}, failed}, rest)
	if err != nil {
		return nil
	}
	for i, name := range found {
		found[i] = filepath.Join(base, name)
	}
	sort.Strings(found)
	return found
}

func (w *walk) tell(name string, err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoFolder) {
		w.failed(filepath.Join(w.root, name), err)
	}
	return err
}

// Open is not used by globs, and belongs to every file system.
func (w *walk) Open(name string) (fs.File, error) {
	return os.Open(filepath.Join(w.root, name))
}

// Stat follows links.
func (w *walk) Stat(name string) (fs.FileInfo, error) {
	info, err := os.Stat(filepath.Join(w.root, name))
	return info, w.tell(name, err)
}

// ReadDir lists a folder, unless it is one of those above it.
func (w *walk) ReadDir(name string) ([]fs.DirEntry, error) {
	own, err := w.inode(name)
	if err != nil {
		return nil, w.tell(name, err)
	}
	for above := name; above != "."; {
		above = path.Dir(above)
		if other, err := w.inode(above); err == nil && other == own {
			return nil, nil
		}
	}
	found, err := os.ReadDir(filepath.Join(w.root, name))
	return found, w.tell(name, err)
}

func (w *walk) inode(name string) (inode, error) {
	if known, ok := w.known[name]; ok {
		return known, nil
	}
	info, err := os.Stat(filepath.Join(w.root, name))
	if err != nil {
		return inode{}, err
	}
	if !info.IsDir() {
		return inode{}, errNoFolder
	}
	w.known[name] = factsOf(info).inode
	return w.known[name], nil
}

var errNoFolder = errors.New("not a folder")
