DROP TABLE syncs;
DROP TABLE repository_trees;
DROP TABLE repositories;
