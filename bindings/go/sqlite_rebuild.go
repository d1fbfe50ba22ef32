package headwater

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Rebuild builds the read model anew from the first event, in a file beside its own (-rebuild), and then puts that in
// the place of its tables, in one transaction. The projection that it gives is the live one from then on: drive
// this model with it. Messages that a rebuild wrote again are not sent again.
func (m *SQLiteModel) Rebuild(ctx context.Context, store *EventStore, config ProjectionConfig) (*Projection, error) {
	fresh := m.config
	fresh.Path, fresh.Outbox = m.config.Path+"-rebuild", nil
	removeModel(fresh.Path)
	rebuilt, err := OpenSQLiteModel(ctx, fresh)
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = rebuilt.Close()
		removeModel(fresh.Path)
	}()
	config.Name, config.IsRebuild = m.config.Name, true
	projection, err := store.Projection(ctx, config)
	if err != nil {
		return nil, err
	}
	for {
		if err := projection.CatchUp(ctx, rebuilt); err != nil {
			return nil, errors.Join(err, projection.Close())
		}
		switched, err := m.switchTo(ctx, fresh.Path, projection.Position())
		if err == nil && switched {
			switched, err = projection.Switch(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, projection.Close())
		}
		if switched {
			return projection, nil
		}
	}
}

// switchTo puts the tables of a rebuilt file in the place of those of the same names; false where it is behind.
func (m *SQLiteModel) switchTo(ctx context.Context, path string, position uint64) (switched bool, err error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := m.run(ctx, "ATTACH ? AS rebuilt", path); err != nil {
		return false, err
	}
	err = m.transaction(ctx, func() (err error) {
		switched, err = m.copyFrom(ctx, position)
		return err
	})
	return switched && err == nil, errors.Join(err, m.run(context.WithoutCancel(ctx), "DETACH rebuilt"))
}

func (m *SQLiteModel) copyFrom(ctx context.Context, position uint64) (bool, error) {
	before, err := m.placed(ctx)
	if err != nil || before.position > position {
		return false, err
	}
	objects, err := m.objects(ctx)
	if err != nil {
		return false, err
	}
	for _, it := range objects {
		quoted := `"` + strings.ReplaceAll(it.name, `"`, `""`) + `"`
		err := m.run(ctx, fmt.Sprintf("DROP %s IF EXISTS main.%s", it.kind, quoted))
		if err == nil {
			err = m.run(ctx, it.sql)
		}
		if err == nil && it.kind == "table" {
			err = m.run(ctx, fmt.Sprintf("INSERT INTO main.%s SELECT * FROM rebuilt.%s", quoted, quoted))
		}
		if err != nil {
			return false, err
		}
	}
	name := m.config.Name
	if err := m.run(ctx, "DELETE FROM headwater_dead_letter WHERE name = ?", name); err != nil {
		return false, err
	}
	letters := "INSERT INTO headwater_dead_letter SELECT name, seq FROM rebuilt.headwater_dead_letter WHERE name = ?"
	if err := m.run(ctx, letters, name); err != nil {
		return false, err
	}
	messages := `INSERT INTO headwater_outbox (seq, stream, subject, payload)
		SELECT seq, stream, subject, payload FROM rebuilt.headwater_outbox WHERE seq > ? ORDER BY n`
	if err := m.run(ctx, messages, int64(before.position)); err != nil {
		return false, err
	}
	return true, m.setPlace(ctx, modelPlace{position, before.generation + 1})
}

type sqlObject struct{ kind, name, sql string }

// objects are what a rebuilt file has beside the tables of ours: tables first, then what stands on them.
func (m *SQLiteModel) objects(ctx context.Context) ([]sqlObject, error) {
	rows, err := m.connection.QueryContext(ctx, `SELECT type, name, sql FROM rebuilt.sqlite_schema
		WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
		  AND name NOT LIKE 'headwater\_%' ESCAPE '\' AND name NOT LIKE '\_headwater%' ESCAPE '\'
		ORDER BY type <> 'table', rowid`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var objects []sqlObject
	for rows.Next() {
		var it sqlObject
		if err := rows.Scan(&it.kind, &it.name, &it.sql); err != nil {
			return nil, err
		}
		objects = append(objects, it)
	}
	return objects, rows.Err()
}
