DROP TABLE inbox_hooks;
