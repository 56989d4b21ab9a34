// Decides whether a history of operations on versioned registers is linearizable. Reads JSON (see operation) from standard
// input; ends with 0 if it is, 1 if it is not (naming the registers), 2 if it could not decide in time.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

const timeLimit = 60 * time.Second

type operation struct {
	Client int    `json:"client"`
	Key    string `json:"key"`
	// read; write (whatever the version); swap (only if the version is ExpectedVersion)
	Kind            string `json:"kind"`
	Value           string `json:"value"`
	ExpectedVersion int    `json:"expectedVersion"`
	CallNs          int64  `json:"callNs"`
	// Zero if the outcome is unknown, because the connection was lost: it may take effect at any time, or never.
	ReturnNs int64 `json:"returnNs"`
	// Of a write or swap: it was carried out. False is a refusal because of the version.
	Done bool `json:"done"`
	// The value read, and the version that the register had after the operation.
	ReadValue string `json:"readValue"`
	Version   int    `json:"version"`
}

type register struct {
	value   string
	version int
}

var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(operation).Key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() interface{} { return register{value: "", version: 0} },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		now, op := state.(register), input.(operation)
		unknown := op.ReturnNs == 0
		written := register{value: op.Value, version: now.version + 1}
		switch {
		case op.Kind == "read":
			return unknown || op.ReadValue == now.value && op.Version == now.version, now
		case op.Kind == "swap" && op.ExpectedVersion != now.version:
			return unknown || !op.Done, now
		default:
			return unknown || op.Done && op.Version == written.version, written
		}
	},
}

func main() {
	log.SetFlags(0)
	var operations []operation
	if err := json.NewDecoder(os.Stdin).Decode(&operations); err != nil {
		log.Println("not a history:", err)
		os.Exit(2)
	}
	var history []porcupine.Operation
	for _, op := range operations {
		end := op.ReturnNs
		if end == 0 {
			end = math.MaxInt64
		}
		history = append(history, porcupine.Operation{ClientId: op.Client, Input: op, Call: op.CallNs, Return: end})
	}
	exit := 0
	for _, part := range registers.Partition(history) {
		key := part[0].Input.(operation).Key
		switch porcupine.CheckOperationsTimeout(registers, part, timeLimit) {
		case porcupine.Ok:
			fmt.Printf("%s: %d operations, linearizable\n", key, len(part))
		case porcupine.Illegal:
			fmt.Printf("%s: %d operations, NOT linearizable\n", key, len(part))
			exit = 1
		case porcupine.Unknown:
			fmt.Printf("%s: %d operations, undecided after %s\n", key, len(part), timeLimit)
			if exit == 0 {
				exit = 2
			}
		}
	}
	os.Exit(exit)
}
