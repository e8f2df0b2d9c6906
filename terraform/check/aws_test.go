package check_test

import "testing"

func TestEachRuleOfModuleAWSIsHeldByItsTests(t *testing.T) {
	testMutations(t, "aws", []mutation{
		{"a public policy is taken", "bucket.tf", "block_public_policy     = true", "block_public_policy     = false"},
		{"public access is not cut off", "bucket.tf", "restrict_public_buckets = true", "restrict_public_buckets = false"},
		{"whoever writes an object owns it", "bucket.tf", `"BucketOwnerEnforced"`, `"ObjectWriter"`},
		{"a versioned bucket", "variables.tf", `default     = "Disabled"`, `default     = "Enabled"`},
		{"an expiry rule", "bucket.tf", `id     = "unfinished-uploads"`, "id     = \"unfinished-uploads\"\n    expiration {\n      days = 30\n    }"},
		{"unfinished uploads stay a week", "bucket.tf", "days_after_initiation = 1", "days_after_initiation = 7"},
		{"a rule that is off", "bucket.tf", `status = "Enabled"`, `status = "Disabled"`},
		{"old versions stay for ever", "bucket.tf", `var.versioning == "Disabled" ? [] : ["old-versions"]`, "[]"},
		{"destroyed with what is in it", "variables.tf", "default     = false", "default     = true"},
		{"own key ignored", "bucket.tf", `sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"`, `sse_algorithm     = "AES256"`},
		{"roles without the key", "roles.tf", "kms_key_arn = var.kms_key_arn", "kms_key_arn = null"},
		{"a bucket elsewhere", "bucket.tf", "region        = var.region", "region        = null"},
		{"a flipped TLS condition", "transport.tf", `"aws:SecureTransport" = "false"`, `"aws:SecureTransport" = "true"`},
		{"an older TLS", "transport.tf", `"s3:TlsVersion" = "1.2"`, `"s3:TlsVersion" = "1.1"`},
		{"a refusal that allows", "transport.tf", `Effect    = "Deny"`, `Effect    = "Allow"`},
		{"objects without TLS", "transport.tf", `[local.arn, "${local.arn}/*"]`, "[local.arn]"},
		{"a domain of the whole bucket", "roles.tf", "each.value.prefixes", `[""]`},
		{"a writer who gets the janitor's policy", "roles.tf", `policy = "${domain}/${role}"`, `policy = "${domain}/janitor"`},
		{"a policy that IAM does not take", "roles.tf", "<= 6144", "<= 10240"},
		{"domains within each other", "variables.tf", `(outside != "" && !startswith("${inside}/", "${outside}/"))`, `(outside != "" && inside != outside)`},
		{"a domain beside the whole bucket", "variables.tf", `(outside != "" && !startswith`, `(outside == "" || !startswith`},
		{"a URL without prefix", "outputs.tf", `${prefix == "" ? "" : "/${prefix}"}`, ""},
		{"one of several stores is the store", "outputs.tf", "length(local.urls) == 1", "length(local.urls) > 0"},
		{"an output of more rights", "outputs.tf", `["${domain}/writer"]`, `["${domain}/janitor"]`},
	})
}

func TestEachRuleOfAWSPoliciesIsHeldByTheirTests(t *testing.T) {
	testMutations(t, "aws/policies", []mutation{
		{"a wildcard of actions", "main.tf", `Action = ["s3:GetObject"]`, `Action = ["s3:*"]`},
		{"a wildcard of resources", "main.tf", `Action = ["s3:GetObject"], Resource = local.objects[""]`, `Action = ["s3:GetObject"], Resource = ["*"]`},
		{"a reader without list right", "main.tf", "reader  = concat([local.list, local.read]", "reader  = concat([local.read]"},
		{"a writer without list right", "main.tf", "writer  = concat([local.list, local.read,", "writer  = concat([local.read,"},
		{"a reader who writes", "main.tf", "reader  = concat([local.list, local.read]", "reader  = concat([local.list, local.read, local.write]"},
		{"a writer who writes anything", "main.tf", "Resource = local.written", `Resource = local.objects[""]`},
		{"a writer who deletes values", "main.tf", `Resource = local.objects["quiver-doctor/"]`, `Resource = concat(local.objects["quiver-doctor/"], local.objects["values/"])`},
		{"a writer who deletes all", "main.tf", `Resource = local.objects["quiver-doctor/"]`, `Resource = local.objects[""]`},
		{"a writer whose uploads stay", "main.tf", `["s3:PutObject", "s3:AbortMultipartUpload"]`, `["s3:PutObject"]`},
		{"a janitor who deletes nothing", "main.tf", "local.write, local.delete]", "local.write]"},
		{"a list beyond the prefix", "main.tf", `within = contains(var.prefixes, "") ? {}`, "within = true ? {}"},
		{"a list of all but the prefix", "main.tf", "StringLike = {", "StringNotLike = {"},
		{"uploads listed beyond the prefix", "main.tf", `uploads = contains(var.prefixes, "") ?`, "uploads = true ?"},
		{"a prefix that begins another's", "main.tf", `"${prefix}/"`, "prefix"},
		{"a dropped prefix", "main.tf", "folder => [for store in local.stores :", "folder => [for store in slice(local.stores, 0, 1) :"},
		{"a dropped folder", "main.tf", `"leases/", `, ""},
		{"a store that nobody can begin", "main.tf", "quiver.json", "fleche.json"},
		{"a key that readers cannot use", "main.tf", "decrypt = var.kms_key_arn == null ?", "decrypt = true ?"},
		{"a wildcard of keys", "main.tf", `"kms:GenerateDataKey"], Resource = [var.kms_key_arn]`, `"kms:GenerateDataKey"], Resource = ["*"]`},
		{"a bucket of another partition", "main.tf", "arn:${var.partition}:s3", "arn:aws:s3"},
		{"no prefix at all", "variables.tf", "length(var.prefixes) > 0 && ", ""},
		{"a prefix named twice", "variables.tf", " && length(distinct(var.prefixes)) == length(var.prefixes)", ""},
		{"a prefix that no store has", "variables.tf", "[a-z0-9_-]/)*", "[a-z0-9._-]/)*"},
	})
}

func TestEachRuleOfAWSHousekeepingIsHeldByItsTests(t *testing.T) {
	testMutations(t, "aws/housekeeping", []mutation{
		{"another runtime", "function.tf", `"provided.al2023"`, `"provided.al2"`},
		{"less time", "function.tf", "= 900", "= 3"},
		{"several at once", "function.tf", "= var.reserved_concurrency", "= -1"},
		{"a program that does not change", "function.tf", "filebase64sha256(var.zip)", `"the first"`},
		{"an age that is not passed on", "function.tf", "var.max_age == null ? {}", "true ? {}"},
		{"a function that is no janitor", "function.tf", "policy_arn = var.janitor", `policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"`},
		{"anybody's logs", "function.tf", `["${aws_cloudwatch_log_group.function.arn}:*"]`, `["*"]`},
		{"anybody as the function", "function.tf", `Service = "lambda.amazonaws.com"`, `AWS = "*"`},
		{"logs for ever", "function.tf", "= var.log_retention_days", "= 0"},
		{"a schedule of any account", "schedules.tf", `"aws:SourceAccount" = data.aws_caller_identity.current.account_id`, `"aws:SourceAccount" = "*"`},
		{"a scheduler that invokes anything", "schedules.tf", "Resource = [aws_lambda_function.housekeeping.arn]", `Resource = ["*"]`},
		{"a scheduler that may do more", "schedules.tf", `["lambda:InvokeFunction"]`, `["lambda:*"]`},
		{"a task that the function does not know", "schedules.tf", "task = each.key", `task = "sweep"`},
		{"gc as often as fold", "schedules.tf", "gc = var.gc_schedule", "gc = var.fold_schedule"},
		{"the hour of some other place", "schedules.tf", `"UTC"`, `"Europe/Berlin"`},
		{"a schedule as crontab writes it", "variables.tf", `|cron\\([^ ()]+( [^ ()]+){5}\\))$", var.fold_schedule`, `|.+)$", var.fold_schedule`},
		{"a zip that is not there", "variables.tf", `endswith(var.zip, ".zip") && fileexists(var.zip)`, `endswith(var.zip, ".zip")`},
	})
}
