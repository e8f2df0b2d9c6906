package main

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"unicode"
)

// document is the argument of the memoised function: its fields make the key.
type document struct {
	Text  string
	Count int
}

// phrase is a word with its rank, from 0 to 1.
type phrase struct {
	Word string  `json:"word"`
	Rank float64 `json:"rank"`
}

const (
	window  = 4    // words that are at most so far apart are neighbours
	damping = 0.85 // of the rank that a word hands on to its neighbours
	rounds  = 60
)

// keyPhrases returns the words of a text that matter most: those that stand near many words that matter. Each hands its rank on to its neighbours, round by round, as a search
// engine ranks pages by their links.
func keyPhrases(ctx context.Context, in document) ([]phrase, error) {
	words, near := neighbours(in.Text)
	ranks, next := make([]float64, len(words)), make([]float64, len(words))
	for i := range ranks {
		ranks[i] = 1
	}
	for range rounds {
		if ctx.Err() != nil { // a function that does not look at its ctx cannot be stopped in time
			return nil, context.Cause(ctx)
		}
		for i := range next {
			next[i] = 1 - damping
		}
		for i, others := range near {
			for _, other := range others {
				next[other] += damping * ranks[i] / float64(len(others))
			}
		}
		ranks, next = next, ranks
	}
	phrases := make([]phrase, len(words))
	for i, word := range words {
		phrases[i] = phrase{word, ranks[i]}
	}
	slices.SortFunc(phrases, func(a, b phrase) int { return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(a.Word, b.Word)) })
	phrases = phrases[:min(in.Count, len(phrases))]
	for i := len(phrases) - 1; i >= 0; i-- { // the first one last, by which all are divided
		phrases[i].Rank = math.Round(phrases[i].Rank/phrases[0].Rank*1000) / 1000
	}
	return phrases, nil
}

// neighbours returns the words of a text that are long enough to mean something, and for each the words near it, once for each time that they are.
func neighbours(text string) (words []string, near [][]int) {
	numbers := map[string]int{}
	var order []int // of the text's words
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len([]rune(word)) < 5 {
			continue
		}
		number, known := numbers[word]
		if !known {
			number = len(words)
			numbers[word] = number
			words, near = append(words, word), append(near, nil)
		}
		order = append(order, number)
	}
	for i, one := range order {
		for _, other := range order[i+1 : min(i+window, len(order))] {
			if one != other {
				near[one], near[other] = append(near[one], other), append(near[other], one)
			}
		}
	}
	return words, near
}
