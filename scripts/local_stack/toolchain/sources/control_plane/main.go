// One binary with the two Kubernetes controllers that turn Deployments into Pods and put Pods on nodes. It acts as the one
// whose name it was called by (kube-controller-manager or kube-scheduler, by symbolic link). The local stack does without
// both; checks of the charts and clusters with nodes need them.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "kube-controller-manager":
		os.Exit(cli.Run(manager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	default:
		fmt.Fprintf(os.Stderr, "call this program as kube-controller-manager or kube-scheduler, not as %s\n", name)
		os.Exit(2)
	}
}
