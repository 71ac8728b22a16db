// A goroutine whose labels lead nowhere: to themselves, to nothing, to unmapped memory, to the kernel's, with huge counts.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"runtime/pprof"
	"unsafe"
)

var sink int

// What a map, or a slice, of labels is taken for.
var fake [64]uintptr

//go:noinline
func leaf(n int) int {
	s := 0
	for i := 0; i < 20000; i++ {
		s += (i * 31) ^ n
	}
	return s
}

//go:noinline
func spin(labels *[3]uintptr, isMap bool) {
	self := uintptr(unsafe.Pointer(&fake))
	bad := []uintptr{0, 0x10, 0xdead0000, 1 << 63, ^uintptr(7), 0xffffffffff600000, self, self + 8, self + 0x100000, 1 << 40}
	for n := 0; ; n++ {
		for i := range fake {
			fake[i] = bad[(n*7+i*i+i)%len(bad)]
		}
		labels[0] = bad[n%len(bad)]
		if n&1 == 0 {
			labels[0] = self
		}
		if !isMap {
			labels[1] = bad[(n/3)%len(bad)]
			labels[2] = labels[1]
		}
		sink += leaf(n)
	}
}

func main() {
	// The collector would follow them too.
	debug.SetGCPercent(-1)
	ctx := pprof.WithLabels(context.Background(), pprof.Labels("worker", "w1", "job", "rec"))
	// An interface is a type and an address; what it leads to are three more: a context, a key, a value.
	value := (*[6]unsafe.Pointer)((*[2]unsafe.Pointer)(unsafe.Pointer(&ctx))[1])
	kind := reflect.TypeOf(*(*interface{})(unsafe.Pointer(&value[4]))).Elem().Kind()
	pprof.SetGoroutineLabels(ctx)
	fmt.Printf("ready %d\n", os.Getpid())
	spin((*[3]uintptr)(value[5]), kind == reflect.Map)
}
