// Package anew lets a storage extension begin anew where what is on disk is
// broken.
//
// A power cut can leave a database of the file storage that cannot be opened any
// more. The collector then does not start, again and again, and no line of any file
// is stored until somebody deletes the right file by hand. Here the broken file is
// put aside, and told; what was in it is gone: files are read from their beginning,
// or a queue is empty.
package anew

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// Folder says where an extension of this configuration keeps its files.
type Folder func(component.Config) string

// Extension is the same extension, which begins anew where a file of it is broken.
func Extension(of extension.Factory, folder Folder) extension.Factory {
	create := func(ctx context.Context, set extension.Settings, config component.Config) (extension.Extension, error) {
		made, err := of.Create(ctx, set, config)
		if err != nil {
			return nil, err
		}
		inner, ok := made.(storage.Extension)
		if !ok {
			return nil, fmt.Errorf("%s stores nothing", set.ID)
		}
		return &store{Extension: inner, folder: folder(config), logger: set.Logger}, nil
	}
	return extension.NewFactory(of.Type(), of.CreateDefaultConfig, create, of.Stability())
}

type store struct {
	storage.Extension
	folder string
	logger *zap.Logger
}

// Start puts aside what is broken, before anybody has it open.
func (s *store) Start(ctx context.Context, host component.Host) error {
	if err := s.Extension.Start(ctx, host); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil // the extension itself says what is wrong with its folder
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || filepath.Ext(entry.Name()) == aside {
			continue
		}
		path := filepath.Join(s.folder, entry.Name())
		if broken := check(path); broken != nil {
			s.putAside(path, broken)
		}
	}
	return nil
}

const aside = ".broken"

func (s *store) putAside(path string, broken error) {
	to := path + "." + time.Now().UTC().Format("20060102T150405") + aside
	if err := os.Rename(path, to); err != nil {
		s.logger.Error("a file of the storage is broken and cannot be put aside", zap.String("file", path), zap.Error(err))
		return
	}
	s.logger.Error("a file of the storage was broken; it begins anew, what was in it is gone",
		zap.String("file", path), zap.String("kept as", to), zap.NamedError("reason", broken))
}

// check opens a database as it will be opened. Only what says that it is broken
// counts: one that is locked, or may not be opened, is not.
func check(path string) (broken error) {
	defer func() {
		if found := recover(); found != nil {
			broken = fmt.Errorf("%v", found)
		}
	}()
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return nil // an empty one is made anew
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 100 * time.Millisecond, ReadOnly: true})
	switch {
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return err
	case err != nil:
		return nil
	}
	defer func() { _ = db.Close() }()
	return db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			bucket.Cursor().First()
			return nil
		})
	})
}
