create database if not exists `eltflow_meta`;
create table if not exists `eltflow_meta`.`file` (`relation` varchar(65533), `path` varchar(65533), `size` bigint, `mtime_ns` bigint, `hash` varchar(65533), `load_id` varchar(65533));
create table if not exists `eltflow_meta`.`load` (`load_id` varchar(65533), `relation` varchar(65533), `step` varchar(65533), `files` bigint, `rows` bigint, `loaded_at` datetime);
create table if not exists `eltflow_meta`.`cursor` (`relation` varchar(65533), `step` varchar(65533), `source` varchar(65533), `name` varchar(65533), `value` varchar(65533), `load_id` varchar(65533), `loaded_at` datetime);
