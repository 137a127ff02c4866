DROP TABLE courier_hooks;
