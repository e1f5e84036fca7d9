// Command provisioner gives the local cluster its volumes: one directory per PersistentVolume below one folder that
// all nodes share. It provides `local` volumes, because the kubelet applies fsGroup to those and not to hostPath. A
// volume's size is accounting only, unless its class asks for a bound: such a volume is a file system in memory, of its
// size, and really grows.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	name = "productionkafka.dev/directory"
	// Parameter of a class and annotation of a volume.
	bounded = "productionkafka.dev/bounded"
)

type directories struct{ folder string }

func (d directories) Provision(_ context.Context, o controller.ProvisionOptions) (*core.PersistentVolume, controller.ProvisioningState, error) {
	if o.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished, fmt.Errorf("storage class %s: volumes are made on the node of their first consumer", o.StorageClass.Name)
	}
	path := filepath.Join(d.folder, o.PVName)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	annotations := map[string]string{}
	if o.StorageClass.Parameters["encrypted"] == "true" {
		annotations["productionkafka.dev/encrypted"] = "true"
	}
	node := core.NodeSelectorRequirement{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{o.SelectedNodeName}}
	if o.StorageClass.Parameters["bounded"] == "true" {
		annotations[bounded] = "true"
		size := o.PVC.Spec.Resources.Requests[core.ResourceStorage]
		// An attempt before this one may have made it.
		if bound(path, size, syscall.MS_REMOUNT) != nil {
			if err := bound(path, size, 0); err != nil {
				return nil, controller.ProvisioningFinished, err
			}
		}
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: o.PVName, Annotations: annotations},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			VolumeMode:                    o.PVC.Spec.VolumeMode,
			Capacity:                      core.ResourceList{core.ResourceStorage: o.PVC.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{
				NodeSelectorTerms: []core.NodeSelectorTerm{{MatchExpressions: []core.NodeSelectorRequirement{node}}},
			}},
		},
	}, controller.ProvisioningFinished, nil
}

func (d directories) Delete(_ context.Context, volume *core.PersistentVolume) error {
	if volume.Spec.Local == nil || filepath.Dir(volume.Spec.Local.Path) != d.folder {
		return &controller.IgnoredError{Reason: "its directory is not below " + d.folder}
	}
	if volume.Annotations[bounded] == "true" {
		if err := syscall.Unmount(volume.Spec.Local.Path, syscall.MNT_DETACH); err != nil && err != syscall.EINVAL {
			return fmt.Errorf("unmount %s: %w", volume.Spec.Local.Path, err)
		}
	}
	return os.RemoveAll(volume.Spec.Local.Path)
}

// bound makes path a file system of this size, or with MS_REMOUNT gives the one that it is another size.
func bound(path string, size resource.Quantity, flags uintptr) error {
	if err := syscall.Mount("tmpfs", path, "tmpfs", flags, fmt.Sprintf("size=%d", size.Value())); err != nil {
		return fmt.Errorf("mount %s of %s bytes: %w", path, size.String(), err)
	}
	return nil
}

// grow gives a bound claim the larger size that its owner asked for: first the volume, then the claim's status.
func grow(ctx context.Context, client kubernetes.Interface, claim *core.PersistentVolumeClaim) error {
	wanted, current := claim.Spec.Resources.Requests[core.ResourceStorage], claim.Status.Capacity[core.ResourceStorage]
	if claim.Status.Phase != core.ClaimBound || wanted.Cmp(current) <= 0 {
		return nil
	}
	volume, err := client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, meta.GetOptions{})
	if err != nil || volume.Annotations["pv.kubernetes.io/provisioned-by"] != name {
		return err
	}
	if volume.Annotations[bounded] == "true" {
		if err := bound(volume.Spec.Local.Path, wanted, syscall.MS_REMOUNT); err != nil {
			return err
		}
	}
	if err := patchCapacity(wanted, func(patch []byte) error {
		_, err := client.CoreV1().PersistentVolumes().Patch(ctx, volume.Name, types.MergePatchType, patch, meta.PatchOptions{})
		return err
	}, "spec"); err != nil {
		return err
	}
	return patchCapacity(wanted, func(patch []byte) error {
		_, err := client.CoreV1().PersistentVolumeClaims(claim.Namespace).Patch(ctx, claim.Name, types.MergePatchType, patch, meta.PatchOptions{}, "status")
		return err
	}, "status")
}

func patchCapacity(size resource.Quantity, send func([]byte) error, section string) error {
	return send(fmt.Appendf(nil, `{%q:{"capacity":{"storage":%q}}}`, section, size.String()))
}

func main() {
	kubeconfig, folder := flag.String("kubeconfig", "", "credentials"), flag.String("folder", "", "parent of all volumes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		klog.Fatalf("read %s: %v", *kubeconfig, err)
	}
	config.UserAgent = "local-volume-provisioner"
	client := kubernetes.NewForConfigOrDie(config)

	factory := informers.NewSharedInformerFactory(client, 10*time.Second)
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	look := func(object any) {
		if claim, ok := object.(*core.PersistentVolumeClaim); ok {
			if err := grow(ctx, client, claim); err != nil {
				klog.ErrorS(err, "grow volume", "claim", klog.KObj(claim))
			}
		}
	}
	if _, err := claims.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, object any) { look(object) }}); err != nil {
		klog.Fatalf("watch claims: %v", err)
	}
	provisioner := controller.NewProvisionController(ctx, client, name, directories{*folder},
		controller.LeaderElection(false), controller.ClaimsInformer(claims))
	factory.Start(ctx.Done())
	provisioner.Run(ctx)
}
