package logfiles

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// named is a path that may be read.
type named struct {
	path string
	// active: the configuration names it; otherwise it has the name of a rotated file.
	active bool
	// inserted: rotation put its date before the extension, as other programs name other files.
	inserted bool
	// literal: the configuration has it without a wildcard.
	literal bool
	// of is a link to the file of which rotation made this one.
	of string
}

// finder lists the files of the configuration and what rotation made of them.
type finder struct {
	include, exclude []string
	// searches are the globs by which rotated files are looked for.
	searches []string
}

func newFinder(c *Config) finder {
	f := finder{include: c.Include, exclude: c.Exclude}
	for _, pattern := range c.Include {
		where, name := filepath.Split(pattern)
		if name == "*" || name == "**" {
			continue
		}
		f.searches = append(f.searches, where+name+"[._-]*")
		if extension := filepath.Ext(name); extension != name && extension != "" && !strings.ContainsAny(extension, "*?[{") {
			f.searches = append(f.searches, where+strings.TrimSuffix(name, extension)+"[._-]*"+extension)
		}
	}
	return f
}

// find lists files, those that the configuration names first, each path once.
func (f finder) find(failed func(path string, err error)) []named {
	var found []named
	seen := map[string]bool{}
	add := func(item named) {
		if !seen[item.path] && !f.excluded(item.path) {
			seen[item.path] = true
			found = append(found, item)
		}
	}
	told := map[string]bool{}
	once := func(path string, err error) {
		if !told[path] {
			told[path] = true
			failed(path, err)
		}
	}
	for _, pattern := range f.include {
		if !strings.ContainsAny(pattern, `*?[{\`) {
			add(named{path: filepath.Clean(pattern), active: true, literal: true})
			continue
		}
		for _, path := range glob(pattern, once) {
			if !f.ofOther(path) {
				add(named{path: path, active: true})
			}
		}
	}
	links := found
	for _, pattern := range f.searches {
		for _, path := range glob(pattern, func(string, error) {}) {
			if seen[path] {
				continue
			}
			if from, ok := f.origin(path); ok && !f.excluded(from.path) {
				add(named{path: path, inserted: from.inserted})
			}
		}
	}
	folders := map[string][]os.DirEntry{}
	for _, item := range links {
		for _, other := range behind(item.path, folders) {
			add(other)
		}
	}
	return found
}

// ofOther: what rotation made of a file that is left alone is left alone too, whatever it is called.
func (f finder) ofOther(path string) bool {
	return slices.ContainsFunc(origins(path), func(from origin) bool {
		return (!from.inserted || from.digits >= digitsOfDate) && f.excluded(from.path)
	})
}

// behind lists what rotation made of the file to which a link leads, beside that
// file: Kubernetes rotates there.
func behind(link string, folders map[string][]os.DirEntry) []named {
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return nil
	}
	target, err := filepath.EvalSymlinks(link)
	if err != nil {
		return nil
	}
	where, name := filepath.Split(target)
	if _, ok := folders[where]; !ok {
		folders[where], _ = os.ReadDir(where)
	}
	var found []named
	for _, entry := range folders[where] {
		if !strings.HasPrefix(entry.Name(), name) {
			continue
		}
		if path := where + entry.Name(); rotatedOf(path, target) {
			found = append(found, named{path: path, of: link})
		}
	}
	return found
}

func (f finder) excluded(path string) bool {
	for _, pattern := range f.exclude {
		if ok, _ := doublestar.PathMatch(filepath.Clean(pattern), path); ok {
			return true
		}
	}
	return false
}

// origin finds the name that the configuration has for a rotated file.
func (f finder) origin(path string) (origin, bool) {
	var inserted origin
	for _, from := range origins(path) {
		if from.inserted && (inserted.path != "" || from.digits < digitsOfDate) {
			continue
		}
		for _, pattern := range f.include {
			if ok, _ := doublestar.PathMatch(filepath.Clean(pattern), from.path); !ok {
				continue
			}
			if !from.inserted {
				return from, true
			}
			inserted = from
		}
	}
	return inserted, inserted.path != ""
}
