// Package guard closes the gap through which the persistent queue loses records
// although every one of its settings says otherwise: when it starts, it deletes
// what was in flight before that is back in the queue, and it drops an item that
// it fails to read from disk.
//
// The queue itself stays as it is: the storage that it is given is wrapped.
package guard

import (
	"context"
	"maps"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// host hands out storage clients that wrap makes of the real ones.
type host struct {
	component.Host
	wrap func(storage.Client) storage.Client
}

func (h *host) GetExtensions() map[component.ID]component.Component {
	extensions := maps.Clone(h.Host.GetExtensions())
	for id, extension := range extensions {
		if store, ok := extension.(storage.Extension); ok {
			extensions[id] = &wrappedStorage{Extension: store, wrap: h.wrap}
		}
	}
	return extensions
}

type wrappedStorage struct {
	storage.Extension
	wrap func(storage.Client) storage.Client
}

func (w *wrappedStorage) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	client, err := w.Extension.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, err
	}
	return w.wrap(client), nil
}
