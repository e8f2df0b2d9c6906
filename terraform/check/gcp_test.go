package check_test

import "testing"

func TestEachRuleOfModuleGCPIsHeldByItsTests(t *testing.T) {
	const folders = `["calls/", "index/", "leases/", "quiver-doctor/"]`
	testMutations(t, "gcp", []mutation{
		{"a wildcard for a permission", "roles.tf", `reader   = ["storage.objects.get", "storage.objects.list"]`, `reader   = ["storage.objects.*"]`},
		{"a reader who may not list", "roles.tf", `reader   = ["storage.objects.get", "storage.objects.list"]`, `reader   = ["storage.objects.get"]`},
		{"a writer who may delete all", "roles.tf", `writer   = ["storage.objects.create", `, `writer   = ["storage.objects.create", "storage.objects.delete", `},
		{"a writer who may delete values", "roles.tf", folders, `["calls/", "index/", "leases/", "quiver-doctor/", "values/"]`},
		{"a writer who may not replace leases", "roles.tf", folders, `["calls/", "index/", "quiver-doctor/"]`},
		{"deletes anywhere below a prefix", "roles.tf", `\"${name}${folder}\"`, `\"${name}\"`},
		{"a janitor who may not delete", "roles.tf", `janitor  = ["storage.objects.create", "storage.objects.delete", `, `janitor  = ["storage.objects.create", `},
		{"listings refused within a prefix", "roles.tf", `storage.googleapis.com/Bucket`, `storage.googleapis.com/Object`},
		{"a prefix without its slash", "roles.tf", `objects/${prefix == "" ? "" : "${prefix}/"}`, `objects/${prefix}`},
		{"rights on another bucket", "roles.tf", `projects/_/buckets/${var.bucket}/`, `projects/_/buckets/quiver/`},
		{"readers as writers", "roles.tf", `members = var.trust_domains[domain]["${role}s"]`, `members = var.trust_domains[domain].readers`},
		{"access lists of objects", "bucket.tf", `uniform_bucket_level_access = true`, `uniform_bucket_level_access = false`},
		{"public access", "bucket.tf", `"enforced"`, `"inherited"`},
		{"a versioned bucket", "bucket.tf", `enabled = var.versioning`, `enabled = true`},
		{"soft delete", "bucket.tf", `var.soft_delete_days * 86400`, `max(var.soft_delete_days, 7) * 86400`},
		{"values that expire", "bucket.tf", `type = "AbortIncompleteMultipartUpload"`, `type = "Delete"`},
		{"a key that is not used", "bucket.tf", `for_each = var.kms_key == null ? [] : [var.kms_key]`, `for_each = []`},
		{"domains that overlap", "variables.tf", `name == other || !startswith`, `true || !startswith`},
		{"the public as a member", "variables.tf", `principalSet):\\S+$`, `principalSet):\\S+$|^all`},
		{"outputs of another right than is given", "outputs.tf", `value       = local.roles.writer`, `value       = local.roles.janitor`},
	})
}

func TestEachRuleOfModuleGCPHousekeepingIsHeldByItsTests(t *testing.T) {
	testMutations(t, "gcp/housekeeping", []mutation{
		{"gc that asks", "jobs.tf", `["gc", "--yes"]`, `["gc"]`},
		{"gc at the times of fold", "jobs.tf", `schedule = var.gc_schedule`, `schedule = var.fold_schedule`},
		{"several tasks", "jobs.tf", `task_count  = 1`, `task_count  = 2`},
		{"no folder for temporary files", "jobs.tf", `mount_path = "/tmp"`, `mount_path = "/data"`},
		{"jobs as the account that starts them", "jobs.tf", `service_account = var.service_account`, `service_account = google_service_account.scheduler.email`},
		{"an account that does more than start jobs", "schedule.tf", `["run.jobs.run"]`, `["run.jobs.run", "run.jobs.update"]`},
		{"every role on the project", "schedule.tf", `google_project_iam_custom_role.scheduler.name`, `"roles/editor"`},
		{"a schedule of another job", "schedule.tf", `jobs/${google_cloud_run_v2_job.job[each.key].name}:run`, `jobs/${google_cloud_run_v2_job.job["fold"].name}:run`},
	})
}
