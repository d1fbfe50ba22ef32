// A SQLite file at each of two shops: what is written at one comes to the other, and what both wrote apart merges.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

const books = "SELECT group_concat(id || ' ' || title || ' at ' || price, ', ') FROM " +
	"(SELECT id, title, price FROM books ORDER BY id)"

type shop struct {
	engine   *headwater.Engine
	database *headwater.Database
	db       *sql.DB
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp("", "headwater-replica-")
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(run(ctx, dir), os.RemoveAll(dir)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	hub, err := headwater.Memory(ctx)
	if err != nil {
		return err
	}
	defer hub.Close()
	here, err := open(ctx, filepath.Join(dir, "here.db"))
	if err != nil {
		return err
	}
	defer here.close()
	there, err := open(ctx, filepath.Join(dir, "there.db"))
	if err != nil {
		return err
	}
	defer there.close()
	if err := errors.Join(here.link(ctx, hub), there.link(ctx, hub)); err != nil {
		return err
	}
	if _, err := here.db.ExecContext(ctx, "INSERT INTO books VALUES (?, ?, ?)", 1, "Emma", 9.5); err != nil {
		return err
	}
	if _, err := there.db.ExecContext(ctx, "INSERT INTO books VALUES (?, ?, ?)", 2, "Ivanhoe", 3.25); err != nil {
		return err
	}
	if err := untilBothHave(ctx, here, there, "1 Emma at 9.5, 2 Ivanhoe at 3.25"); err != nil {
		return err
	}

	if err := errors.Join(here.engine.RemoveLink(ctx, "hub"), there.engine.RemoveLink(ctx, "hub")); err != nil {
		return err
	}
	if _, err := here.db.ExecContext(ctx, "UPDATE books SET title = 'Emma Woodhouse' WHERE id = 1"); err != nil {
		return err
	}
	if _, err := there.db.ExecContext(ctx, "UPDATE books SET price = 12.5 WHERE id = 1"); err != nil {
		return err
	}
	fmt.Println("apart, one changes the title of book 1 and the other its price")
	if err := errors.Join(here.link(ctx, hub), there.link(ctx, hub)); err != nil {
		return err
	}
	if err := untilBothHave(ctx, here, there, "1 Emma Woodhouse at 12.5, 2 Ivanhoe at 3.25"); err != nil {
		return err
	}

	status, err := here.database.Status(ctx)
	if err != nil {
		return err
	}
	tables := strings.Join(status.Tables, ", ")
	fmt.Printf("%s replicates, and %d rows are hidden by a conflict\n", tables, status.Conflicts)
	return nil
}

func open(ctx context.Context, path string) (*shop, error) {
	// The application's own file: here an empty one, which is a database that has nothing in it.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return nil, err
	}
	engine, err := headwater.Memory(ctx)
	if err != nil {
		return nil, err
	}
	database, err := engine.Attach(ctx, headwater.DatabaseConfig{Path: path, Name: "shop"})
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	s := &shop{engine, database, database.SQL()}
	_, err = s.db.ExecContext(ctx, "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, price REAL)")
	return s, err
}

func (s *shop) close() { _ = errors.Join(s.db.Close(), s.engine.Close()) }

func (s *shop) link(ctx context.Context, hub *headwater.Engine) error {
	stream := s.database.StreamNames()[0]
	link := headwater.LinkConfig{Name: "hub", Stream: stream, Remote: stream, Create: &headwater.StreamConfig{}}
	return s.engine.AddLink(ctx, link, hub)
}

func (s *shop) list(ctx context.Context) (list string, err error) {
	var found sql.NullString
	err = s.db.QueryRowContext(ctx, books).Scan(&found)
	return found.String, err
}

func untilBothHave(ctx context.Context, here, there *shop, wanted string) error {
	for {
		one, err := here.list(ctx)
		if err != nil {
			return err
		}
		other, err := there.list(ctx)
		if err != nil {
			return err
		}
		if one == wanted && other == wanted {
			fmt.Println("both files have", wanted)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}
