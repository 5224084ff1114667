package logfiles

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// The storage knows keys only: one lists the files, and each has its own.
const indexKey = "files"

func stateKey(id string) string { return "file/" + id }

// checkpoints keep states on disk. Everything that changed is written at once.
type checkpoints struct {
	client storage.Client
	states map[string]*state
	dirty  map[string]bool
	listed bool
	// broken are those of which nothing could be made: their files are read from the beginning.
	broken int64
}

func clientOf(ctx context.Context, host component.Host, extension *component.ID, receiver component.ID) (storage.Client, error) {
	found, ok := host.GetExtensions()[*extension]
	if !ok {
		return nil, fmt.Errorf("`storage` names %s, which is no extension of this configuration", extension)
	}
	store, ok := found.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("`storage` names %s, which stores nothing", extension)
	}
	return store.GetClient(ctx, component.KindReceiver, receiver, "")
}

// load reads everything back. fresh: nothing was ever kept here. What is broken
// costs its own file only: nothing would be read at all otherwise.
func load(ctx context.Context, client storage.Client) (kept *checkpoints, fresh bool, err error) {
	kept = &checkpoints{client: client, states: map[string]*state{}, dirty: map[string]bool{}}
	index, err := client.Get(ctx, indexKey)
	if err != nil || index == nil {
		return kept, true, err
	}
	var ids []string
	if err := json.Unmarshal(index, &ids); err != nil {
		kept.broken++
		return kept, false, nil
	}
	operations := make([]*storage.Operation, len(ids))
	for i, id := range ids {
		operations[i] = storage.GetOperation(stateKey(id))
	}
	if err := client.Batch(ctx, operations...); err != nil {
		return nil, false, err
	}
	for i, id := range ids {
		one := &state{saved: true}
		if err := json.Unmarshal(operations[i].Value, one); err != nil || one.ID != id {
			kept.broken++
			kept.dirty[id] = true // so that it is deleted
			continue
		}
		kept.states[id] = one
	}
	kept.listed = kept.broken == 0
	return kept, false, nil
}

// note that a state changed, or is new.
func (c *checkpoints) note(s *state) {
	if c.states[s.ID] == nil {
		c.states[s.ID] = s
		c.listed = false
	}
	c.dirty[s.ID] = true
}

// forget a state for good.
func (c *checkpoints) forget(s *state) {
	if c.states[s.ID] != nil {
		delete(c.states, s.ID)
		c.dirty[s.ID] = true
		c.listed = false
	}
}

// save writes what changed; what fails is written with the next call.
func (c *checkpoints) save(ctx context.Context) error {
	if c.listed && len(c.dirty) == 0 {
		return nil
	}
	var operations []*storage.Operation
	for id := range c.dirty {
		one := c.states[id]
		if one == nil {
			operations = append(operations, storage.DeleteOperation(stateKey(id)))
			continue
		}
		text, err := json.Marshal(one)
		if err != nil {
			return err
		}
		operations = append(operations, storage.SetOperation(stateKey(id), text))
	}
	if !c.listed {
		ids := make([]string, 0, len(c.states))
		for id := range c.states {
			ids = append(ids, id)
		}
		sort.Strings(ids)
		text, err := json.Marshal(ids)
		if err != nil {
			return err
		}
		operations = append(operations, storage.SetOperation(indexKey, text))
	}
	if err := c.client.Batch(ctx, operations...); err != nil {
		return err
	}
	for id := range c.dirty {
		if one := c.states[id]; one != nil {
			one.saved = true
		}
	}
	c.dirty, c.listed = map[string]bool{}, true
	return nil
}
