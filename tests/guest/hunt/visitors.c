// SPDX-License-Identifier: GPL-2.0-or-later
// A driver with a bug, for docs/replay.rst, "A bug hunt": reading /proc/visitors says how often it was opened, and a
// second after the last time a timer notes that this visitor has been idle since.
#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct visit {
	int number;
	pid_t pid;
	int idle;
	int reads;
	char comm[TASK_COMM_LEN];
	unsigned long since;
};

static atomic_t visits;
static struct visit *latest;

static void mark_idle(struct timer_list *unused)
{
	latest->idle = 1;
}

static DEFINE_TIMER(idle_timer, mark_idle);

static int visitors_open(struct inode *inode, struct file *file)
{
	struct visit *visit = kzalloc(sizeof(*visit), GFP_KERNEL);

	if (!visit)
		return -ENOMEM;
	visit->number = atomic_inc_return(&visits);
	visit->pid = current->pid;
	visit->since = jiffies;
	get_task_comm(visit->comm, current);
	file->private_data = latest = visit;
	mod_timer(&idle_timer, jiffies + HZ);
	return 0;
}

static ssize_t visitors_read(struct file *file, char __user *buffer, size_t size, loff_t *at)
{
	struct visit *visit = file->private_data;
	char line[64];
	int length = scnprintf(line, sizeof(line), "%s is visitor %d\n", visit->comm, visit->number);

	visit->reads++;
	return simple_read_from_buffer(buffer, size, at, line, length);
}

static int visitors_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct proc_ops visitors_ops = {
	.proc_open = visitors_open,
	.proc_read = visitors_read,
	.proc_release = visitors_release,
};

static int __init visitors_init(void)
{
	return proc_create("visitors", 0444, NULL, &visitors_ops) ? 0 : -ENOMEM;
}

static void __exit visitors_exit(void)
{
	remove_proc_entry("visitors", NULL);
	del_timer_sync(&idle_timer);
}

module_init(visitors_init);
module_exit(visitors_exit);
MODULE_DESCRIPTION("Counts who reads /proc/visitors");
MODULE_LICENSE("GPL");
