// One half of its CPU time in Go code, one in system calls.
package main

import (
	"fmt"
	"os"
	"syscall"
)

//go:noinline
func compute(turns int) uint64 {
	x := uint64(1)
	for i := 0; i < turns; i++ {
		x = x*6364136223846793005 + 1442695040888963407
		x ^= x >> 17
	}
	return x
}

func cpuTime() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func main() {
	fmt.Println("ready")
	zeros, err := os.Open("/dev/zero")
	if err != nil {
		panic(err)
	}
	block := make([]byte, 1<<20)
	for {
		start := cpuTime()
		for cpuTime() < start+50e6 {
			compute(100000)
		}
		for cpuTime() < start+100e6 {
			zeros.Read(block)
		}
	}
}
