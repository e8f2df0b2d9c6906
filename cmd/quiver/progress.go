package main

import (
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// progressBar shows on a terminal how far something has come; elsewhere it shows nothing.
type progressBar struct {
	writer  progress.Writer
	tracker *progress.Tracker
	done    chan struct{}
}

func isTerminal(stream any) bool {
	if checked, ok := stream.(*checkedOutput); ok {
		stream = checked.Writer
	}
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progress begins to count things of a kind.
func (a *app) progress(things string) *progressBar {
	if !isTerminal(a.err) {
		return &progressBar{}
	}
	b := &progressBar{writer: progress.NewWriter(), tracker: &progress.Tracker{Message: things}, done: make(chan struct{})}
	b.writer.SetOutputWriter(a.err)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.Style().Visibility.Percentage = false
	b.writer.AppendTracker(b.tracker)
	go func() {
		defer close(b.done)
		b.writer.Render()
	}()
	return b
}

// at shows how many were done.
func (b *progressBar) at(n int) {
	if b.tracker != nil {
		b.tracker.SetValue(int64(n))
	}
}

// end leaves the last count on the terminal.
func (b *progressBar) end() {
	if b.tracker == nil {
		return
	}
	b.tracker.MarkAsDone()
	b.writer.Stop()
	<-b.done
}
