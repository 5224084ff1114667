package logfiles

import (
	"errors"
	"io/fs"
	"os"

	"go.uber.org/zap"
)

// refuse notes a file that cannot be opened. One that is not there is none.
func (t *tracker) refuse(path string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		t.note(oddity{permission, true}, path, err)
	default:
		t.note(oddity{failing, true}, path, err)
	}
}

// strange notes what is no file. Under a wildcard, folders are nothing special.
func (t *tracker) strange(item named, kind os.FileMode) {
	reason := special
	if kind.IsDir() {
		reason = folder
	}
	if item.literal {
		t.note(oddity{reason, true}, item.path, nil)
	}
}

func (t *tracker) note(what oddity, path string, err error) {
	t.odd[what]++
	if t.told[path] != what.reason {
		t.told[path] = what.reason
		if what.unreadable {
			t.logger.Warn("a file cannot be read", zap.String("path", path), zap.String("reason", what.reason), zap.Error(err))
		} else {
			t.logger.Info("a file is left out", zap.String("path", path), zap.String("reason", what.reason))
		}
	}
}

// report counts what is not read, for the metrics.
func (t *tracker) report() {
	var unread int64
	for _, f := range t.files {
		switch {
		case f.reason == binaryData && f.literal:
			t.note(oddity{binaryData, true}, f.path, nil)
		case f.reason == inserted:
		case f.reason != "":
			t.note(oddity{f.reason, false}, f.path, nil)
		case f.state != nil:
			if !f.atEnd() {
				unread += f.facts.size - f.Offset
			}
		}
	}
	t.counts.show(t.odd, int64(len(t.files)), unread)
}
