#!/usr/bin/env Rscript
# The intraclass correlation of replications, by lme4: value ~ condition + (1 | replication), for each model.
#
#   Rscript replication_icc.R DATASET/study1_exp1.csv quantity
#   Rscript replication_icc.R DATASET/study1_exp1.csv knowledge
#   Rscript replication_icc.R DATASET/study2_exp1.csv polarity=was
#
# DATASET is what `grace-cli aggregate` wrote. The measure is a column; yes is 1 and no is 0, and `column=word` is 1 where
# the answer is that word. Conditions are the columns that begin with `conditions.`; rows without a value are left out.
# Prints CSV; `status` says why numbers are missing, in grace's words. Needs lme4 (Debian: r-base-core and r-cran-lme4).

suppressPackageStartupMessages(library(lme4))

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 2) stop("usage: replication_icc.R TABLE.csv MEASURE", call. = FALSE)
measure <- arguments[2]
data <- read.csv(arguments[1], check.names = FALSE, na.strings = "", colClasses = "character")

parts <- strsplit(measure, "=", fixed = TRUE)[[1]]
if (!parts[1] %in% names(data)) stop("no column `", parts[1], "`", call. = FALSE)
words <- data[[parts[1]]]
data$value <- if (length(parts) == 2) {
  as.numeric(words == parts[2])
} else if (all(words %in% c("yes", "no", NA))) {
  as.numeric(words == "yes")
} else {
  as.numeric(words)
}
factors <- grep("^conditions\\.", names(data), value = TRUE)
data$condition <- if (length(factors) > 0) interaction(data[factors], drop = TRUE) else factor("all")
data$replication <- factor(data$replication_id)

# Tighter than lme4's own, so that its answer is the optimum to 7 digits.
control <- lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhobeg = 2e-3, rhoend = 1e-10, maxfun = 1e5),
  check.conv.singular = "ignore", calc.derivs = FALSE
)

# Why there is nothing to estimate, or "ok".
status <- function(rows) {
  replications <- nlevels(rows$replication)
  if (nrow(rows) == 0) return("not_estimable_no_data")
  if (replications < 2) return("not_estimable_one_group")
  if (nrow(rows) < nlevels(rows$condition) + replications) return("not_estimable_no_within_df")
  about_first <- rows$value - ave(rows$value, rows$condition, FUN = function(x) x[1])
  if (all(about_first == 0)) return("undefined_no_variance")
  effects <- cbind(sapply(levels(rows$condition), `==`, rows$condition), sapply(levels(rows$replication), `==`, rows$replication))
  left <- sum(lm.fit(effects * 1, about_first)$residuals ^ 2)
  # What conditions and replications leave is rounding.
  if (left < 1e-20 * sum(about_first ^ 2)) return("perfect_no_within_variance")
  "ok"
}

fit <- function(model_key, rows) {
  rows <- droplevels(rows[!is.na(rows$value), ])
  result <- data.frame(
    model = model_key, measure = measure, status = status(rows), replications = nlevels(rows$replication),
    conditions = nlevels(rows$condition), trials = nrow(rows),
    var_between = NA, var_within = NA, icc = NA, criterion = NA
  )
  if (result$status != "ok") return(result)
  formula <- if (result$conditions > 1) value ~ condition + (1 | replication) else value ~ 1 + (1 | replication)
  model <- lmer(formula, rows, REML = TRUE, control = control)
  variances <- as.data.frame(VarCorr(model))$vcov
  result$var_between <- variances[1]
  result$var_within <- variances[2]
  result$icc <- variances[1] / sum(variances)
  result$criterion <- as.numeric(REMLcrit(model))
  result
}

by_model <- split(data, data$model_key)
result <- do.call(rbind, Map(fit, names(by_model), by_model))
numbers <- c("var_between", "var_within", "icc", "criterion")
result[numbers] <- lapply(result[numbers], function(x) ifelse(is.na(x), "", sprintf("%.15g", x)))
write.csv(result, row.names = FALSE, quote = FALSE)
