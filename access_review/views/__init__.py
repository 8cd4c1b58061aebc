"""What people read: every view is made from the record and can be made again."""
